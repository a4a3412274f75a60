<?php
/*
Plugin Name: Store Platform: pictures of other sites
Description: Products arrive although their pictures can't be fetched, and say which are missing.
*/

// No packet leaves a store, and WooCommerce refuses a whole product for one picture that it can't fetch. So addresses of other
// sites are taken out before it tries, and kept with the product: its merchant is shown them where products are, and a program
// finds them among the product's meta_data.
const MISSING_PICTURES = '_store_platform_missing_pictures';

function is_elsewhere(mixed $address): bool
{
    return is_string($address) && str_contains($address, '://') && !str_starts_with($address, home_url('/'));
}

// with_missing notes what was taken out of a product that is being written.
function with_missing(array $product, array $missing): array
{
    if ($missing !== []) {
        $noted = ['key' => MISSING_PICTURES, 'value' => array_values($missing)];
        $product['meta_data'] = [...(array) ($product['meta_data'] ?? []), $noted];
    }
    return $product;
}

// A row of an imported file.
add_filter('woocommerce_product_import_process_item_data', function (array $row): array {
    $missing = array_filter((array) ($row['raw_gallery_image_ids'] ?? []), 'is_elsewhere');
    if ($missing !== []) {
        $row['raw_gallery_image_ids'] = array_values(array_diff($row['raw_gallery_image_ids'], $missing));
    }
    if (is_elsewhere($row['raw_image_id'] ?? null)) {
        array_unshift($missing, $row['raw_image_id']);
        unset($row['raw_image_id']);
    }
    return with_missing($row, $missing);
});

// without_distant is a product, or a variation with its one image, as the REST API takes it. Where no picture is left none is
// spoken of, so that a product that is changed keeps those that it has.
function without_distant(array $product): array
{
    $is_distant = fn ($image): bool => is_array($image) && empty($image['id']) && is_elsewhere($image['src'] ?? null);
    $missing = array_filter(is_array($product['images'] ?? null) ? $product['images'] : [], $is_distant);
    if ($missing !== []) {
        $product['images'] = array_values(array_diff_key($product['images'], $missing));
        if ($product['images'] === []) {
            unset($product['images']);
        }
    }
    if ($is_distant($product['image'] ?? null)) {
        $missing[] = $product['image'];
        unset($product['image']);
    }
    return with_missing($product, array_column($missing, 'src'));
}

// Before the route itself, as one of WooCommerce's own filters comes too late for variations, and none sees a batch.
add_filter('rest_request_before_callbacks', function ($response, $handler, $request) {
    $writes = in_array($request->get_method(), ['POST', 'PUT', 'PATCH'], true);
    if (!$writes || !preg_match('#^/wc/v\d/products(/\d+)?(/variations(/\d+)?)?(/batch)?$#', $request->get_route())) {
        return $response;
    }
    $each = fn ($product) => is_array($product) ? without_distant($product) : $product;
    foreach (['create', 'update'] as $part) {
        if (is_array($request[$part])) {
            $request[$part] = array_map($each, $request[$part]);
        }
    }
    $before = [];
    foreach (['images', 'image', 'meta_data'] as $name) {
        if (isset($request[$name])) {
            $before[$name] = $request[$name];
        }
    }
    $after = without_distant($before);
    foreach ($before + $after as $name => $_) {
        if (!array_key_exists($name, $after)) {
            unset($request[$name]);
        } elseif ($after[$name] !== ($before[$name] ?? null)) {
            $request[$name] = $after[$name];
        }
    }
    return $response;
}, 10, 3);

// A picture that somebody has put there since is an answer.
$answered = function ($meta, int $post, string $key): void {
    if (in_array($key, ['_thumbnail_id', '_product_image_gallery'], true)) {
        delete_post_meta($post, MISSING_PICTURES);
    }
};
add_action('added_post_meta', $answered, 10, 3);
add_action('updated_post_meta', $answered, 10, 3);

add_action('admin_notices', function (): void {
    if (get_current_screen()?->post_type !== 'product' || !current_user_can('edit_products')) {
        return;
    }
    $shown = 10;
    $found = new WP_Query([
        'post_type' => 'product', 'post_status' => 'any', 'meta_key' => MISSING_PICTURES, 'fields' => 'ids', 'posts_per_page' => $shown,
    ]);
    if ($found->found_posts === 0) {
        return;
    }
    $text = 'Pictures of %d products are missing: other sites keep them, which a store can\'t reach. Add them to the products by hand.';
    echo '<div class="notice notice-warning"><p>', esc_html(sprintf($text, $found->found_posts)), '</p><ul>';
    foreach ($found->posts as $id) {
        $addresses = implode(', ', (array) get_post_meta($id, MISSING_PICTURES, true));
        printf('<li><a href="%s">%s</a>: %s</li>', esc_url(get_edit_post_link($id)), esc_html(get_the_title($id)), esc_html($addresses));
    }
    echo $found->found_posts > $shown ? '<li>…</li>' : '', '</ul></div>';
});
