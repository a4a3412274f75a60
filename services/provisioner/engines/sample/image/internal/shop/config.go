package shop

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
)

// Config is all that a shop is told from outside when it starts.
type Config struct {
	Listen string
	// Data is the folder of the order log, the only place that is written to.
	Data string

	// Sign is the folder with the sign's texts, which are read again for every page.
	Sign     string
	Currency catalogue.Currency
	// Products is how many of the sample products are on sale.
	Products int
	// Secure says that people reach the shop over https, so that the cart's cookie may insist on it.
	Secure bool

	AdminPassword string
	// CookieKey signs carts; replicas and restarts must share it, or carts are lost.
	CookieKey []byte
}

const (
	minPassword = 12
	minKey      = 32
)

// Environment reads the configuration: LISTEN, DATA_DIR, SHOP_SIGN_DIR, SHOP_CURRENCY, SHOP_PRODUCTS,
// SHOP_URL, and ADMIN_PASSWORD and COOKIE_KEY, which may stand in a file each that
// ADMIN_PASSWORD_FILE and COOKIE_KEY_FILE name. It reports every variable that is wrong, not the first.
func Environment(getenv func(string) string) (Config, error) {
	or := func(name, fallback string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return fallback
	}
	cfg := Config{
		Listen: or("LISTEN", ":8080"),
		Data:   or("DATA_DIR", "/data"),
		Sign:   or("SHOP_SIGN_DIR", "/sign"),
	}
	var faults []error
	var err error
	if cfg.Currency, err = catalogue.ParseCurrency(or("SHOP_CURRENCY", "EUR")); err != nil {
		faults = append(faults, fmt.Errorf("SHOP_CURRENCY: %w", err))
	}
	cfg.Products, err = strconv.Atoi(or("SHOP_PRODUCTS", strconv.Itoa(catalogue.Size)))
	if err != nil || cfg.Products < 1 || cfg.Products > catalogue.Size {
		faults = append(faults, fmt.Errorf("SHOP_PRODUCTS: must be a number from 1 to %d", catalogue.Size))
	}
	if raw := getenv("SHOP_URL"); raw != "" {
		address, err := url.Parse(raw)
		if err != nil || address.Scheme != "http" && address.Scheme != "https" {
			faults = append(faults, errors.New("SHOP_URL: must be an http or https URL"))
		} else {
			cfg.Secure = address.Scheme == "https"
		}
	}
	if cfg.AdminPassword, err = secret(getenv, "ADMIN_PASSWORD", minPassword); err != nil {
		faults = append(faults, err)
	}
	key, err := secret(getenv, "COOKIE_KEY", minKey)
	if err != nil {
		faults = append(faults, err)
	}
	cfg.CookieKey = []byte(key)
	return cfg, errors.Join(faults...)
}

// secret never quotes what it has read.
func secret(getenv func(string) string, name string, length int) (string, error) {
	value := getenv(name)
	if file := getenv(name + "_FILE"); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%s_FILE: %w", name, err)
		}
		value = strings.TrimRight(string(content), "\r\n")
	}
	if len(value) < length {
		return "", fmt.Errorf("%s or %s_FILE: must hold at least %d characters", name, name, length)
	}
	return value, nil
}
