module github.com/store-platform/store-platform/deploy/local/parts/pause

go 1.26
