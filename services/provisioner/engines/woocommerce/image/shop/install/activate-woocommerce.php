<?php
// Activates the plugin once. A merchant who switches it off later has done so: the shop isn't ready then, and says so.

require __DIR__ . '/boot.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

if (done('woocommerce')) {
    $finished = true;
    exit(0);
}
echo "Activating WooCommerce.\n";
// A run that was killed may have left its lock, which would have the installation skipped for ten minutes.
delete_transient('wc_installing');
$failed = activate_plugin('woocommerce/woocommerce.php');
if (is_wp_error($failed)) {
    fwrite(STDERR, 'WooCommerce refuses to be activated: ' . $failed->get_error_message() . "\n");
    exit(1);
}
$finished = true;
