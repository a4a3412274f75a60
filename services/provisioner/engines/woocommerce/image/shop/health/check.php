<?php
// The platform's light question: whether the shop sells, and keeps what it sells. It loads no WordPress. The front keeps its
// answers (nginx.conf), so that it is asked three times a minute at most, whoever asks, and once a second while something is wrong.
// The causes are those of engine.yaml.

require '/opt/shop/database.php';
require __DIR__ . '/refusal.php';

// Needs room, which an insert alone may not for a long while: the pages of a table that has shrunk are used again.
// mariadb-dump leaves the table out (engine.yaml), for a dump that began before the table was emptied couldn't go on.
function database_keeps(?mysqli $database): string
{
    $keep = function () use ($database): bool {
        // Whose server it is elsewhere looks after its room, and may dump it at any moment.
        if (str_starts_with(getenv('DATABASE_HOST'), 'database:') && !$database->query('TRUNCATE TABLE store_platform_check')) {
            return false;
        }
        return $database->query('REPLACE INTO store_platform_check VALUES (1, NOW())');
    };
    if (!$database) {
        return 'DatabaseNotAnswering';
    }
    if ($keep()) {
        return '';
    }
    if ($database->errno === 1146) {
        $database->query('CREATE TABLE store_platform_check (one INT PRIMARY KEY, at DATETIME NOT NULL)') && $keep();
    }
    return refusal($database->errno, $database->error);
}

// A new file with more in it than a folder's entry: written over in place, one needs no room.
function uploads_keep(string $folder): string
{
    $file = "$folder/.store-platform-check";
    @unlink($file);
    $written = @file_put_contents($file, str_repeat("room\n", 1000));
    @unlink($file);
    if ($written === 5000) {
        return '';
    }
    $full = $written !== false || str_contains(error_get_last()['message'] ?? '', 'No space left');
    return $full ? 'UploadsFull' : 'UploadsReadOnly';
}

// Any administrator can switch the plugin off.
function sells(mysqli $database): string
{
    $rows = $database->query("SELECT option_value FROM wp_options WHERE option_name = 'active_plugins'");
    if (!$rows) {
        // What wasn't read says nothing of the plugin.
        return refusal($database->errno, $database->error);
    }
    $active = unserialize($rows->fetch_row()[0] ?? '', ['allowed_classes' => false]);
    return is_array($active) && in_array('woocommerce/woocommerce.php', $active, true) ? '' : 'PluginInactive';
}

$database = database(2, keep: true);
$cause = database_keeps($database) ?: uploads_keep('/var/www/shop/wp-content/uploads') ?: sells($database);
http_response_code($cause === '' ? 200 : 503);
header('Content-Type: application/json');
header('Cache-Control: no-store');
echo json_encode($cause === '' ? ['ok' => true] : ['ok' => false, 'cause' => $cause]), "\n";
