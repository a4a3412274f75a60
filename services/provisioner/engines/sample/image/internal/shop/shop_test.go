package shop

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// signed is a folder with a sign in it.
func signed(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"title": "Shop", "tagline": ""} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func environment(t *testing.T, changes map[string]string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct-horse-battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"SHOP_SIGN_DIR": signed(t), "ADMIN_PASSWORD_FILE": file, "COOKIE_KEY": strings.Repeat("k", 32), "SHOP_URL": "https://shop.example",
	}
	for name, value := range changes {
		values[name] = value
	}
	return Environment(func(name string) string { return values[name] })
}

func TestEnvironment(t *testing.T) {
	cfg, err := environment(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.AdminPassword != "correct-horse-battery" || !cfg.Secure || cfg.Currency != "EUR" || cfg.Products != 12 || cfg.Data != "/data" {
		t.Errorf("%+v", cfg)
	}
	for name, value := range map[string]string{
		"SHOP_CURRENCY": "BTC", "SHOP_PRODUCTS": "13", "SHOP_URL": "ftp://shop.example",
		"ADMIN_PASSWORD_FILE": "/nowhere", "COOKIE_KEY": "short",
	} {
		if _, err := environment(t, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	_, err = environment(t, map[string]string{"SHOP_CURRENCY": "BTC", "COOKIE_KEY": "secret!"})
	if err == nil || !strings.Contains(err.Error(), "SHOP_CURRENCY") || !strings.Contains(err.Error(), "COOKIE_KEY") ||
		strings.Contains(err.Error(), "secret!") {
		t.Errorf("two wrong ones: %v", err)
	}
}

func TestServeUntilToldToEnd(t *testing.T) {
	cfg, err := environment(t, map[string]string{"DATA_DIR": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, cfg, slog.New(slog.NewTextHandler(io.Discard, nil))) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", response.Status)
	}
	end()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("it listens still")
	}
}
