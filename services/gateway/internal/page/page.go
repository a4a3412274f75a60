// Package page serves what people look at: the dashboard, written by hand without a framework, and the API's
// documentation. Everything is embedded and comes from this origin, which is what the strict content security policy
// relies on: the page loads also while the broker, the network or the whole cluster is away.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/services/gateway/internal/guard"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

//go:embed static
var static embed.FS

const (
	// pagePolicy allows scripts, styles and connections of this origin and nothing else; no inline code, no frames.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// dataPolicy is for everything that isn't a page.
	dataPolicy = "default-src 'none'; frame-ancestors 'none'"
)

// Headers is the middleware that gives every answer its security headers.
func Headers(c *fiber.Ctx) error {
	SetHeaders(c)
	return c.Next()
}

// SetHeaders sets them on one answer.
func SetHeaders(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, dataPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), geolocation=(), microphone=()")
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// Mount adds the dashboard at /, its files under /assets, the documentation at /docs and the table of reasons below it.
func Mount(routes guard.Routes, document *huma.OpenAPI) error {
	docs, err := renderDocs(document)
	if err != nil {
		return fmt.Errorf("render the documentation: %w", err)
	}
	routes.Get("/docs", rights.Look, serve("docs.html", docs))
	reasons, err := renderReasons()
	if err != nil {
		return fmt.Errorf("render the table of reasons: %w", err)
	}
	routes.Get(reason.Page, rights.Look, serve("reasons.html", reasons))
	index, err := static.ReadFile("static/index.html")
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	routes.Get("/", rights.Look, serve("index.html", index))
	return fs.WalkDir(static, "static", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := path.Base(file)
		if path.Ext(name) == ".html" || path.Ext(name) == ".tmpl" {
			return nil
		}
		content, err := static.ReadFile(file)
		if err != nil {
			return err
		}
		routes.Get("/assets/"+name, rights.Look, serve(name, content))
		return nil
	})
}

// serve answers with the content, or 304 to who has it already: a new version of the gateway brings new content under
// the same name.
func serve(name string, content []byte) fiber.Handler {
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	mediaType := mime.TypeByExtension(path.Ext(name))
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
		c.Set(fiber.HeaderCacheControl, "no-cache")
		c.Set(fiber.HeaderETag, tag)
		if c.Get(fiber.HeaderIfNoneMatch) == tag {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, mediaType)
		return c.Send(content)
	}
}
