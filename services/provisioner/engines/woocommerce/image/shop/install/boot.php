<?php
// boot.php loads WordPress for a process that serves no request. Whoever includes it sets $finished at its end.

// WordPress that can't go on shows a page, or redirects, and ends with the code of success. So success is only what got
// to its end.
$finished = false;
register_shutdown_function(function () use (&$finished): void {
    if (!$finished) {
        exit(1);
    }
});

// Hooks that are there before WordPress: its page would be a hundred lines of style sheet in a log.
$GLOBALS['wp_filter']['wp_die_handler'][10][] = [
    'accepted_args' => 0,
    'function' => fn () => function ($message): void {
        fwrite(STDERR, strip_tags(is_wp_error($message) ? $message->get_error_message() : (string) $message) . "\n");
        exit(1);
    },
];

$_SERVER['HTTP_HOST'] = parse_url(getenv('SHOP_URL'), PHP_URL_HOST);
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';

require_once '/var/www/shop/wp-load.php';
require_once __DIR__ . '/marks.php';
