<?php
// What this WordPress is told by its container: places and names by environment, secrets by files.

// store_setting reads a setting that the container must have.
function store_setting(string $name): string
{
    $value = getenv($name);
    if ($value === false || $value === '') {
        throw new RuntimeException("The setting $name is missing.");
    }
    return $value;
}

// store_secret reads a key of the store's Secret.
function store_secret(string $name, string $folder = '/credentials'): string
{
    $value = file_get_contents("$folder/$name");
    if ($value === false || $value === '') {
        throw new RuntimeException("The secret $name is missing.");
    }
    return $value;
}

define('DB_HOST', store_setting('DATABASE_HOST'));
define('DB_NAME', store_setting('DATABASE_NAME'));
define('DB_USER', store_setting('DATABASE_USER'));
define('DB_PASSWORD', store_secret('database-password'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';

// WordPress wants eight secrets that know nothing of each other: all are made of one.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $use) {
    foreach (['KEY', 'SALT'] as $kind) {
        define("{$use}_$kind", hash_hmac('sha256', "{$use}_$kind", store_secret('session-key')));
    }
}

define('WP_HOME', store_setting('SHOP_URL'));
define('WP_SITEURL', WP_HOME);
// TLS ends at the ingress, and nothing else leads here: what came for an https store came by https. Going by a header
// would make a loop of redirects with every proxy that forgets it.
if (str_starts_with(WP_HOME, 'https://')) {
    $_SERVER['HTTPS'] = 'on';
    define('FORCE_SSL_ADMIN', true);
}

// Files are written as they are; the code belongs to root, which has WordPress think of FTP.
define('FS_METHOD', 'direct');
// The code is the image's, and an update is a new image.
define('DISALLOW_FILE_MODS', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
// A CronJob does this (cron.php); a visitor must not wait for it.
define('DISABLE_WP_CRON', true);
// No packet leaves a store; asking anyway would have each page wait for a time-out.
define('WP_HTTP_BLOCK_EXTERNAL', true);
// The web server sends scripts as they are; joined by PHP they would cost a worker.
define('CONCATENATE_SCRIPTS', false);
define('WP_POST_REVISIONS', 10);
define('WP_DEBUG', false);

if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
