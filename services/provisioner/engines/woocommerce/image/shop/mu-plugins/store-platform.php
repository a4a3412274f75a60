<?php
/*
Plugin Name: Store Platform
Description: What is different about a WordPress that lives in a container of a store.
*/

// A store can't call itself: its own address leads through the ingress, which its network policy doesn't let it reach.
// Jobs that would be started by such a call are run by the CronJob instead.
add_filter('action_scheduler_allow_async_request_runner', '__return_false');

// The installer and the CronJob ask nobody anything, not even themselves.
if (PHP_SAPI === 'cli') {
    add_filter('pre_http_request', fn () => new WP_Error('http_request_not_executed', 'No way out from here.'));
}

// The tests of Site Health that need such calls would only report what is meant to be so.
add_filter('site_status_tests', function (array $tests): array {
    unset($tests['async']['loopback_requests'], $tests['async']['dotorg_communication'], $tests['async']['background_updates']);
    return $tests;
});
