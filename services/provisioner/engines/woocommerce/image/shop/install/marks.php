<?php
// Marks say what has been done once and for all. Each is an option row, so it is kept, restored and lost together with
// what it speaks of.

// done says whether a step has been finished before, however often its container has been started since.
function done(string $step): bool
{
    return get_option("store_platform_$step") !== false;
}

// mark records that a step is finished. It is the step's last act.
function mark(string $step): void
{
    add_option("store_platform_$step", gmdate('c'), '', false);
}
