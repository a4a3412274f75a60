// Package engine is the format of an engine pack and the catalog that packs are announced in.
//
// An engine is what runs inside a store (a shop program with its database), and it is data: a folder
// with engine.yaml, chart/ and image/, or one for each version of it. Adding an engine is adding a folder, so
// nothing outside that folder may know an engine by name. A store keeps the version that it was made of.
//
// The package has two halves. The carrier of packs (the provisioner, the local supervisor) calls Load
// on the folder, and Pack.Values to make a store's chart values. Everybody else (the gateway) learns of
// engines only through the KV bucket "packs", by name and version: the carrier calls Publish, the reader Watch. The
// releases before had the bucket "catalog" for it, where the carrier that started last was right. A reader
// that is older than a pack ignores fields that it doesn't know; only Load, where a person has just
// written the file, is strict.
//
// It is light on purpose: gateway and supervisor import it, so no Kubernetes and no Helm here. What
// Kubernetes understands (quantities, names, labels) is checked by its grammar only.
package engine
