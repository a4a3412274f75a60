<?php
// verify-plugin.php LIST DIR PLUGIN VERSION: holds every file of a plugin against wordpress.org's list for its version.
// A file that isn't listed is as wrong as one that differs, and so is one that is missing.

[, $listFile, $root, $plugin, $version] = $argv;

$list = json_decode(file_get_contents($listFile), true, 512, JSON_THROW_ON_ERROR);
if (($list['plugin'] ?? '') !== $plugin || ($list['version'] ?? '') !== $version || empty($list['files'])) {
    fwrite(STDERR, "The list of checksums isn't one of $plugin $version.\n");
    exit(1);
}

$wrong = [];
$unseen = $list['files'];
$entries = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS));
foreach ($entries as $entry) {
    $file = substr($entry->getPathname(), strlen($root) + 1);
    // A file may be listed with several checksums: releases have been packed anew.
    $allowed = (array) ($unseen[$file]['sha256'] ?? []);
    if ($entry->isLink() || !in_array(hash_file('sha256', $entry->getPathname()), $allowed, true)) {
        $wrong[] = $file;
    }
    unset($unseen[$file]);
}
$wrong = array_merge($wrong, array_keys($unseen));
if ($wrong) {
    fwrite(STDERR, count($wrong) . " files of $plugin $version aren't as listed, the first is {$wrong[0]}.\n");
    exit(1);
}
echo count($list['files']), " files of $plugin $version are as listed.\n";
