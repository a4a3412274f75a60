<?php
// Runs what WordPress has planned for now. The CronJob comes every few minutes from the start, so also before there is
// a shop: loading WordPress then would run beside the installer.

require '/opt/shop/database.php';

$database = database(5);
$rows = $database?->query("SELECT 1 FROM wp_options WHERE option_name = 'store_platform_woocommerce'");
if (!$rows || $rows->num_rows === 0) {
    echo "There is no shop yet.\n";
    exit(0);
}
$database->close();
require __DIR__ . '/boot.php';
// It ends the process itself: loaded is finished.
$finished = true;
require '/var/www/shop/wp-cron.php';
