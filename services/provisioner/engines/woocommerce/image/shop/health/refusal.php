<?php
// refusal is what MariaDB's number and words come to: a cause of engine.yaml, empty for none. Some numbers stand for whatever a
// storage engine or a file may refuse; which it was is another number, in the words.
function refusal(int $number, string $words): string
{
    $below = preg_match('/\b(?:errno|Errcode|error):? (\d+)/', $words, $found) ? (int) $found[1] : 0;
    return match (true) {
        $number === 0 => '',
        // The client's own: what was asked is on its way, or the connection is gone.
        $number >= 2000 && $number < 3000 => 'DatabaseNotAnswering',
        in_array($number, [1290, 1792, 1836], true), $below === 30 => 'DatabaseReadOnly',
        // The system's number for a disk without room, and the storage engines' for a table, an index and a disk.
        in_array($number, [1021, 1114], true), in_array($below, [28, 135, 136, 189], true) => 'DatabaseFull',
        default => 'DatabaseNotWriting',
    };
}
