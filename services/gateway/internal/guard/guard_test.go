package guard

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

func TestARouteSaysWhatIsDoneThere(t *testing.T) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	New(app, true).Get("/stores", rights.ReadStores, func(*fiber.Ctx) error { return nil })
	if err := Whole(app); err != nil {
		t.Fatal(err)
	}
	app.Post("/stores", func(*fiber.Ctx) error { return nil })
	if err := Whole(app); err == nil || !strings.Contains(err.Error(), "POST /stores") {
		t.Errorf("a route that nobody guards is served: %v", err)
	}
}
