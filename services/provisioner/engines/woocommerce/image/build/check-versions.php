<?php
// check-versions.php WORDPRESS PLUGIN_FILE: refuses a plugin that wants a newer WordPress or PHP than the image has.
// WordPress itself refuses to activate it then, but only in the store, and only after a merchant has waited.

[, $wordpress, $pluginFile] = $argv;

require "$wordpress/wp-includes/version.php";

$header = file_get_contents($pluginFile, false, null, 0, 8192);
$has = ['Requires at least' => $wp_version, 'Requires PHP' => PHP_VERSION];
foreach ($has as $field => $version) {
    if (preg_match("/^[ \t*]*$field:[ \t]*([0-9.]+)/mi", $header, $match) && version_compare($version, $match[1], '<')) {
        $what = $field === 'Requires PHP' ? 'PHP' : 'WordPress';
        fwrite(STDERR, "This WooCommerce wants $what {$match[1]} or newer, and the image has $version.\n");
        fwrite(STDERR, "Hand in a newer WordPress by WORDPRESS_DIR, or an older plugin by WOO_PLUGIN_DIR.\n");
        exit(1);
    }
}
preg_match('/^[ \t*]*Version:[ \t]*(\S+)/mi', $header, $match);
echo "WooCommerce {$match[1]} on WordPress $wp_version and PHP ", PHP_VERSION, ".\n";
