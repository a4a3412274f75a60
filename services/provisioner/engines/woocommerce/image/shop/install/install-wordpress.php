<?php
// Installs WordPress, or brings its tables up to a newer image. wp_install() completes what an earlier run has left half
// done: it makes tables, options, roles and the account only where they are missing.

define('WP_INSTALLING', true);
// A run that was killed leaves tables without options, which WordPress takes for damage and refuses to touch.
define('WP_REPAIRING', true);

// Both are WordPress's own to be replaced. Its defaults are a sample post, page and comment, once more with every run;
// and its note would send the address of the login by mail.
function wp_install_defaults(int $user): void
{
    if (!term_exists('uncategorized', 'category')) {
        $category = wp_insert_term('Uncategorized', 'category', ['slug' => 'uncategorized']);
        update_option('default_category', $category['term_id']);
    }
}

function wp_new_blog_notification(): void
{
}

require __DIR__ . '/boot.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

if (done('wordpress')) {
    if ((int) get_option('db_version') !== $wp_db_version) {
        echo "Bringing the tables up to WordPress $wp_version.\n";
        wp_upgrade();
    }
    $finished = true;
    exit(0);
}

echo "Installing WordPress $wp_version.\n";
// Without this it would try by requests to itself which addresses work. All do: the web server is ours.
$pretty = fn () => '/%postname%/';
add_filter('pre_option_permalink_structure', $pretty);
$host = parse_url(WP_HOME, PHP_URL_HOST);
wp_install(store_setting('SHOP_TITLE'), 'admin', "admin@$host", true, '', store_secret('admin-password', '/installer'));
// Not beside the filter: what is there already isn't written.
remove_filter('pre_option_permalink_structure', $pretty);
update_option('permalink_structure', $pretty());
update_option('blogdescription', '');
update_option('default_comment_status', 'closed');
update_option('default_ping_status', 'closed');
mark('wordpress');
$finished = true;
