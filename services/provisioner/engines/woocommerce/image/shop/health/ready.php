<?php
// Whether this pod can sell: the shop is installed, its plugin is switched on, and the database answers now. It loads no
// WordPress: it is asked every few seconds, and that would cost a tenth of a core. What WordPress itself makes of it is
// asked by the probe of the engine.

require '/opt/shop/database.php';

$rows = database(2)?->query(
    "SELECT 1 FROM wp_options WHERE option_name = 'store_platform_woocommerce'
     UNION ALL SELECT 1 FROM wp_options
     WHERE option_name = 'active_plugins' AND option_value LIKE '%\"woocommerce/woocommerce.php\"%'"
);
$ready = $rows && $rows->num_rows === 2;
http_response_code($ready ? 200 : 503);
header('Content-Type: text/plain');
echo $ready ? "ready\n" : "not ready\n";
