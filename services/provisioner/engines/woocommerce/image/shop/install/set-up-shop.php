<?php
// Makes a shop of an activated WooCommerce: finishes its installation, opens it, fills it. Once; afterwards only what was
// chosen anew in the platform is taken over.

require __DIR__ . '/boot.php';
require_once ABSPATH . 'wp-admin/includes/image.php';
foreach (['options', 'opening', 'pages', 'products', 'art'] as $part) {
    require_once __DIR__ . "/$part.php";
}

if (!function_exists('WC')) {
    // Only a merchant can have switched it off by now.
    $finished = done('woocommerce');
    exit;
}
wp_set_current_user(get_user_by('login', 'admin')->ID ?? 0);

if (!done('woocommerce')) {
    echo 'Setting up WooCommerce ', WC()->version, ".\n";
    delete_transient('wc_installing');
    WC_Install::install();
    // Turns the order tables on. Before the first order, or they stay off: orders would have to be moved.
    WC_Install::newly_installed();
    open_shop();
    ship_and_pay();
}
apply_options();
if (!done('woocommerce')) {
    make_pages();
    make_products((int) store_setting('SHOP_PRODUCTS'), store_setting('SHOP_CURRENCY'));
    // Addresses of products are known only with the plugin loaded.
    flush_rewrite_rules();
    mark('woocommerce');
}
$finished = true;
