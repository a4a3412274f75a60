package sources_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

// money is what prices look like in a currency: about how many of it a euro is worth, and the least that they differ by.
var money = map[string]struct{ euro, step float64 }{
	"AUD": {1.5, 0.01}, "CAD": {1.5, 0.01}, "CHF": {1, 0.01}, "EUR": {1, 0.01}, "GBP": {1, 0.01}, "NZD": {1.5, 0.01}, "USD": {1, 0.01},
	"CZK": {25, 1}, "DKK": {7.5, 1}, "JPY": {160, 1}, "NOK": {11, 1}, "PLN": {4, 1}, "SEK": {11, 1},
}

// euros are what delivery and goods of a new shop are worth.
var euros = []float64{4.9, 9.5, 12.5, 18, 89}

// asked are scripts that print what a pack's shop asks for things worth so many euros, in a currency. A pack that isn't here asks
// for the same number in all of its currencies.
var asked = map[string]func(currency string, euros []byte) (folder string, command []string){
	"medusa": func(currency string, euros []byte) (string, []string) {
		return "shop/platform/setup", []string{"node", "--print", fmt.Sprintf(
			`const { priceIn } = require("./prices"); JSON.stringify(%s.map((euros) => priceIn(%q, euros)))`, euros, strings.ToLower(currency))}
	},
	"woocommerce": func(currency string, euros []byte) (string, []string) {
		return "shop/install", []string{"php", "-r", fmt.Sprintf(
			`require "products.php"; echo json_encode(array_map(fn ($euros) => price_in("%s", $euros), %s));`, currency, euros)}
	},
}

func TestANewShopsPricesAreOfASizeThatPeopleKnowInEveryCurrency(t *testing.T) {
	needs(t, "php")
	needs(t, "node")
	packs, err := engine.Load(os.DirFS(engines))
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range packs {
		for _, option := range pack.Options {
			if option.Name != "currency" {
				continue
			}
			for _, currency := range option.Enum {
				t.Run(pack.Name+"/"+currency, func(t *testing.T) { expectPrices(t, pack.Name, currency) })
			}
		}
	}
}

func expectPrices(t *testing.T, pack, currency string) {
	known, is := money[currency]
	if !is {
		t.Fatal("nobody has written down what prices look like in it")
	}
	for i, price := range prices(t, pack, currency) {
		if size := price / euros[i] / known.euro; size < 0.6 || size > 1.6 {
			t.Errorf("%g for what is worth %g euros", price, euros[i])
		}
		if steps := price / known.step; math.Abs(steps-math.Round(steps)) > 1e-6 {
			t.Errorf("%g is a price that nobody writes", price)
		}
	}
}

func prices(t *testing.T, pack, currency string) (prices []float64) {
	t.Helper()
	script, scales := asked[pack]
	if !scales {
		return euros
	}
	amounts, err := json.Marshal(euros)
	if err != nil {
		t.Fatal(err)
	}
	folder, command := script(currency, amounts)
	ask := exec.CommandContext(t.Context(), command[0], command[1:]...)
	ask.Dir = filepath.Join(engines, pack, "image", folder)
	answer, err := ask.CombinedOutput()
	if err != nil {
		t.Fatalf("ask the pack: %v\n%s", err, answer)
	}
	if err := json.Unmarshal(answer, &prices); err != nil || len(prices) != len(euros) {
		t.Fatalf("the pack says %q: %v", answer, err)
	}
	return prices
}
