// Package image makes an OCI image archive of the product, without a container engine: a layer with the static binary and the
// configuration of a node that listens on all addresses, nothing else.
//
//	binary (its ELF head says for which processor) ─▶ layer ─▶ config ─▶ manifest ─▶ [index of several] ─▶ tar
//
// The archive is the image layout of the OCI image specification 1.1, in a tar file. All times are one, all owners and orders fixed:
// the same binary gives the same bytes. With one platform it also holds the manifest.json that older container engines look for.
//
// There are no certificates of authorities in it, as a node asks nobody over TLS; the tools take --ca FILE.
//
// No state: Write is a function of its arguments. Read is the way back, and checks the layout, but not manifest.json.
package image
