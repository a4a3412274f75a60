<?php
// Whether this pod may be shown to visitors: the shop is installed, and the database answers now. It loads no WordPress:
// it is asked all day, and that would cost as much as a visitor. Whether anything is sold is asked by the probe of
// the engine and not here: a merchant who has switched the plugin off needs the admin pages to switch it on again.

require '/opt/shop/database.php';

$rows = database(2, keep: true)?->query("SELECT 1 FROM wp_options WHERE option_name = 'store_platform_woocommerce'");
$ready = $rows && $rows->num_rows === 1;
http_response_code($ready ? 200 : 503);
header('Content-Type: text/plain');
echo $ready ? "ready\n" : "not ready\n";
