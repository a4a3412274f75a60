module github.com/store-platform/store-platform/services/provisioner/engines/sample/image

go 1.26
