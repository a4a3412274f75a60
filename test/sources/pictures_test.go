package sources_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wordpress is as much of it as the pack's filters are told of: it calls them as WooCommerce's importer and the REST API do.
const wordpress = `
$hooks = [];
function add_filter($name, $hook) { $GLOBALS["hooks"][$name] = $hook; }
function add_action($name, $hook) {}
function home_url($path) { return "http://shop.example$path"; }
class Request extends ArrayObject {
	function __construct(public string $method, public string $route, array $body) { parent::__construct($body); }
	function get_method() { return $this->method; }
	function get_route() { return $this->route; }
	function offsetGet(mixed $key): mixed { return $this->offsetExists($key) ? parent::offsetGet($key) : null; }
}
require "pictures.php";
[$method, $route, $body] = json_decode(stream_get_contents(STDIN), true);
if ($method === "IMPORT") {
	echo json_encode($hooks["woocommerce_product_import_process_item_data"]($body));
	return;
}
$request = new Request($method, $route, $body);
$hooks["rest_request_before_callbacks"](null, [], $request);
echo json_encode((object) $request->getArrayCopy());
`

// A product whose pictures can't be fetched must not be refused for them: they are taken out, and named.
func TestProductsArriveWithoutThePicturesOfOtherSites(t *testing.T) {
	needs(t, "php")
	missing := func(addresses ...any) map[string]any {
		return map[string]any{"key": "_store_platform_missing_pictures", "value": addresses}
	}
	const far, own = "https://cdn.example/mug.jpg", "http://shop.example/wp-content/uploads/mug.jpg"
	type object = map[string]any
	type list = []any
	for name, test := range map[string]struct {
		method, route string
		body, want    object
	}{
		"a row": {"IMPORT", "", object{"sku": "mug", "raw_image_id": far, "raw_gallery_image_ids": list{far + "?2", "mug.jpg", own}},
			object{"sku": "mug", "raw_gallery_image_ids": list{"mug.jpg", own}, "meta_data": list{missing(far, far+"?2")}}},
		"a row with pictures of its own": {"IMPORT", "", object{"raw_image_id": own, "meta_data": list{object{"key": "a", "value": "b"}}},
			object{"raw_image_id": own, "meta_data": list{object{"key": "a", "value": "b"}}}},
		"a product": {"POST", "/wc/v3/products", object{"name": "Mug", "images": list{object{"src": far}}},
			object{"name": "Mug", "meta_data": list{missing(far)}}},
		"a product that keeps one": {"PUT", "/wc/v3/products/7", object{"images": list{object{"id": float64(4), "src": far}, object{"src": far}}},
			object{"images": list{object{"id": float64(4), "src": far}}, "meta_data": list{missing(far)}}},
		"a variation": {"POST", "/wc/v3/products/7/variations", object{"image": object{"src": far}},
			object{"meta_data": list{missing(far)}}},
		"a batch": {"POST", "/wc/v3/products/batch", object{"create": list{object{"name": "Mug", "images": list{object{"src": far}}}, object{"name": "Cup"}}},
			object{"create": list{object{"name": "Mug", "meta_data": list{missing(far)}}, object{"name": "Cup"}}}},
		"another route": {"POST", "/wc/v3/orders", object{"images": list{object{"src": far}}}, object{"images": list{object{"src": far}}}},
		"a question":    {"GET", "/wc/v3/products", object{"search": "mug"}, object{"search": "mug"}},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := json.Marshal([]any{test.method, test.route, test.body})
			if err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), "php", "--run", wordpress)
			command.Dir = filepath.Join(engines, "woocommerce", "image", "shop", "mu-plugins")
			command.Stdin = bytes.NewReader(in)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got object
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
