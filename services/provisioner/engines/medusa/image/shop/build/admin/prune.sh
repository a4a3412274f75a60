#!/bin/sh
# Takes out of node_modules what no running shop reads: source maps, typings, documents, tests, and the packages that only
# the build of the admin pages needs. Licences stay. The rehearsal in the same build runs a shop on what is left.
set -eu

cd "$1"

find . -type f -not -iname 'licen[cs]e*' \( \
  -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.tsbuildinfo' -o -name '*.flow' -o \
  -iname '*.md' -o -iname '*.markdown' -o -iname 'changelog*' -o -name '*.ts' -o -name '*.tsx' -o \
  -name '.eslintrc*' -o -name '.prettierrc*' -o -name '.editorconfig' -o -name '.npmignore' \
  \) -delete
find . -type d \( -name __tests__ -o -name __mocks__ -o -name __fixtures__ -o -name .github -o -name .vscode -o -name docs \) \
  -prune -exec rm -rf {} +

# Browser code, bundlers and what these bring: they end in public/admin.
rm -rf @medusajs/dashboard @medusajs/icons @medusajs/ui @medusajs/js-sdk \
  @ariakit @babel @dnd-kit @esbuild @floating-ui @radix-ui @remix-run @rollup @tanstack @types \
  caniuse-lite cmdk esbuild framer-motion motion motion-dom prismjs react-aria react-dom react-hook-form react-stately rollup vite

# Ways to cut date-fns and rxjs for browsers, a second copy of each file.
rm -rf date-fns/esm date-fns/cdn* rxjs/src rxjs/dist/esm rxjs/dist/esm5 rxjs/dist/bundles
find . -depth -type d -empty -delete

# Migrating makes these where a module has none, which nobody may do in a running shop.
for module in @medusajs/*/dist; do
  mkdir -p "$module/migrations"
done
