<?php
// database connects as the shop does and answers null when it can't; $why says why then.
function database(int $timeout, ?string &$why = null): ?mysqli
{
    mysqli_report(MYSQLI_REPORT_OFF);
    [$host, $port] = explode(':', getenv('DATABASE_HOST') . ':3306');
    $password = file_get_contents('/credentials/database-password');
    $database = mysqli_init();
    $database->options(MYSQLI_OPT_CONNECT_TIMEOUT, $timeout);
    // The warning would say the same once more.
    if (@$database->real_connect($host, getenv('DATABASE_USER'), $password, getenv('DATABASE_NAME'), (int) $port)) {
        return $database;
    }
    $why = $database->connect_error;
    return null;
}
