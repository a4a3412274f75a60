package sources_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

// money is what prices look like in a currency: about how many of it a euro is worth, and the least that they differ by.
var money = map[string]struct{ euro, step float64 }{
	"AUD": {1.5, 0.01}, "CAD": {1.5, 0.01}, "CHF": {1, 0.01}, "EUR": {1, 0.01}, "GBP": {1, 0.01}, "NZD": {1.5, 0.01}, "USD": {1, 0.01},
	"CZK": {25, 1}, "DKK": {7.5, 1}, "JPY": {160, 1}, "NOK": {11, 1}, "PLN": {4, 1}, "SEK": {11, 1},
}

// worth in euros is what a new shop sells, and its delivery.
var worth = []float64{4.9, 9.5, 12.5, 18, 89}

// askers print what a pack's shop asks for things worth %[2]s, as a list for each of the currencies %[1]s. A pack that isn't here
// asks for the same numbers in all of its currencies.
var askers = map[string]struct {
	folder  string
	command []string
}{
	"medusa": {"shop/platform/setup", []string{"node", "--print", `const { priceIn } = require("./prices")
		JSON.stringify(%[1]s.map((currency) => %[2]s.map((euros) => priceIn(currency.toLowerCase(), euros))))`}},
	"woocommerce": {"shop/install", []string{"php", "--run", `require "products.php";
		echo json_encode(array_map(fn ($currency) => array_map(fn ($euros) => price_in($currency, $euros), %[2]s), %[1]s));`}},
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
			for i, prices := range ask(t, pack.Name, option.Enum) {
				t.Run(pack.Name+"/"+option.Enum[i], func(t *testing.T) { expectPrices(t, option.Enum[i], prices) })
			}
		}
	}
}

func expectPrices(t *testing.T, currency string, prices []float64) {
	known, is := money[currency]
	if !is || len(prices) != len(worth) {
		t.Fatalf("%d prices; written down what they look like in it: %v", len(prices), is)
	}
	for i, price := range prices {
		if size := price / worth[i] / known.euro; size < 0.6 || size > 1.6 {
			t.Errorf("%g for what is worth %g euros", price, worth[i])
		}
		if steps := price / known.step; math.Abs(steps-math.Round(steps)) > 1e-6 {
			t.Errorf("%g is a price that nobody writes", price)
		}
	}
}

// ask answers a pack's prices by the currency's place.
func ask(t *testing.T, pack string, currencies []string) [][]float64 {
	t.Helper()
	prices := make([][]float64, len(currencies))
	asker, scales := askers[pack]
	if !scales {
		for i := range prices {
			prices[i] = worth
		}
		return prices
	}
	in, err := json.Marshal(currencies)
	if err != nil {
		t.Fatal(err)
	}
	of, err := json.Marshal(worth)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), asker.command[0], asker.command[1], fmt.Sprintf(asker.command[2], in, of))
	command.Dir = filepath.Join(engines, pack, "image", asker.folder)
	answer, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("ask the pack: %v\n%s", err, answer)
	}
	if err := json.Unmarshal(answer, &prices); err != nil || len(prices) != len(currencies) {
		t.Fatalf("the pack says %q: %v", answer, err)
	}
	return prices
}
