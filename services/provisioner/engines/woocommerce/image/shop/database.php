<?php
// database connects as the shop does and answers null when it can't; $why says why then. One that is kept is the worker's for
// all its requests, since asking all day must cost the server no new connection; no option reaches such a one, so its patience
// is that of the worker's pool (php-fpm.conf).
function database(int $timeout, ?string &$why = null, bool $keep = false): ?mysqli
{
    mysqli_report(MYSQLI_REPORT_OFF);
    [$host, $port] = explode(':', getenv('DATABASE_HOST') . ':3306');
    $password = file_get_contents('/credentials/database-password');
    $database = mysqli_init();
    $database->options(MYSQLI_OPT_CONNECT_TIMEOUT, $timeout);
    // The warning would say the same once more.
    if (@$database->real_connect(($keep ? 'p:' : '') . $host, getenv('DATABASE_USER'), $password, getenv('DATABASE_NAME'), (int) $port)) {
        return $database;
    }
    $why = $database->connect_error;
    return null;
}
