package catalogue

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestEveryProductIsComplete(t *testing.T) {
	sku := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, product := range New(Size, "EUR").Products() {
		if !sku.MatchString(product.SKU) || seen[product.SKU] {
			t.Errorf("SKU %q is odd or there twice", product.SKU)
		}
		seen[product.SKU] = true
		if product.Name == "" || product.Kind == "" || product.Summary == "" || product.Description == "" ||
			len(product.Details) == 0 || product.Price <= 0 || product.Tint < 1 || product.Tint > 4 {
			t.Errorf("%s lacks something: %+v", product.SKU, product)
		}
		decoder := xml.NewDecoder(strings.NewReader(string(product.Art)))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("drawing of %s: %v", product.SKU, err)
				break
			}
		}
	}
}

func TestOthersGoRound(t *testing.T) {
	c := New(3, "EUR")
	others := c.Others(products[2].SKU, 4)
	if len(others) != 2 || others[0].SKU != products[0].SKU || others[1].SKU != products[1].SKU {
		t.Errorf("others of the last: %+v", others)
	}
	if len(New(1, "EUR").Others(products[0].SKU, 4)) != 0 {
		t.Error("the only product has others")
	}
}

func TestFormat(t *testing.T) {
	for currency, want := range map[Currency]string{
		"EUR": "€12.05", "USD": "$12.05", "GBP": "£12.05", "CHF": "CHF\u00a012.05", "XXX": "XXX\u00a012.05",
	} {
		if got := currency.Format(1205); got != want {
			t.Errorf("%s: %q", currency, got)
		}
	}
	if _, err := ParseCurrency("BTC"); err == nil {
		t.Error("BTC was accepted")
	}
}
