<?php
// The pages of a new shop. WooCommerce has made its own while it was installed; here they get a way in.

function make_pages(): void
{
    WC_Install::create_pages();
    // The forms that work without a framework: the plugin's newer ones fetch a hundred scripts, which six workers serve to
    // a whole street, and lose a click that comes while they talk to the server. The editor turns one into the other.
    foreach (['cart', 'checkout'] as $page) {
        wp_update_post([
            'ID' => wc_get_page_id($page),
            'post_content' => "<!-- wp:shortcode -->[woocommerce_$page]<!-- /wp:shortcode -->",
        ]);
    }
    $home = make_page('our-products', 'page', 'Our products', '<!-- wp:shortcode -->'
        . '[products limit="12" columns="3" orderby="menu_order"]<!-- /wp:shortcode -->');
    update_option('show_on_front', 'page');
    update_option('page_on_front', $home);

    $links = '';
    foreach (['shop' => 'Shop', 'cart' => 'Cart', 'myaccount' => 'My account'] as $page => $label) {
        $link = ['label' => $label, 'url' => get_permalink(wc_get_page_id($page)), 'kind' => 'post-type', 'type' => 'page',
            'id' => wc_get_page_id($page)];
        $links .= '<!-- wp:navigation-link ' . wp_json_encode($link) . ' /-->';
    }
    // A theme that names no menu shows this one; without it, all pages in the order of their names.
    make_page('navigation', 'wp_navigation', 'Navigation', $links);
    make_footer();
}

// make_footer puts the shop's name under its pages: the theme's own footer links to places that don't exist.
function make_footer(): void
{
    $content = '<!-- wp:group {"align":"full","style":{"spacing":{"padding":{"top":"var:preset|spacing|60",'
        . '"bottom":"var:preset|spacing|60"}}},"layout":{"type":"constrained"}} --><div class="wp-block-group alignfull" '
        . 'style="padding-top:var(--wp--preset--spacing--60);padding-bottom:var(--wp--preset--spacing--60)">'
        . '<!-- wp:site-title {"level":0,"textAlign":"center","fontSize":"small"} /--></div><!-- /wp:group -->';
    $footer = make_page('footer', 'wp_template_part', 'Footer', $content);
    wp_set_object_terms($footer, get_stylesheet(), 'wp_theme');
    wp_set_object_terms($footer, 'footer', 'wp_template_part_area');
}

// make_page makes a page unless there is one by that name, and answers its id.
function make_page(string $name, string $type, string $title, string $content): int
{
    $there = get_page_by_path($name, OBJECT, $type);
    if ($there) {
        return $there->ID;
    }
    return wp_insert_post([
        'post_name' => $name,
        'post_type' => $type,
        'post_title' => $title,
        'post_content' => wp_slash($content),
        'post_status' => 'publish',
        'comment_status' => 'closed',
    ]);
}
