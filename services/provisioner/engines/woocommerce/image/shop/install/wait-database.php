<?php
// Waits until the database lets the shop in. It gives up after a while: the container is started again then, and its
// restarts tell an operator what a process that waits for ever doesn't.

require '/opt/shop/database.php';

$deadline = time() + 300;
$said = '';
while (time() < $deadline) {
    if (database(3, $why)) {
        echo "The database answers.\n";
        exit(0);
    }
    if ($why !== $said) {
        $said = $why;
        echo "The database doesn't let the shop in yet: $said\n";
    }
    usleep(200_000);
}
fwrite(STDERR, "The database hasn't let the shop in for five minutes.\n");
exit(1);
