// Verifies an audit export of ModelRoute: go run . FILE KEY
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

type line struct {
	Checkpoint, Header string
	Modelroute_audit   int
	Consistency        json.RawMessage
	Nodes              [][]byte
	Index              uint64
	Leaf               json.RawMessage
}

func need(isTrue bool, sentence string, of ...any) {
	if !isTrue {
		log.Fatalf(sentence, of...)
	}
}

func main() {
	log.SetFlags(0)
	file, err := os.Open(os.Args[1])
	need(err == nil, "%v", err)
	verifier, err := note.NewVerifier(os.Args[2])
	need(err == nil, "%v", err)
	open := func(text string) string {
		opened, err := note.Open([]byte(text), note.VerifierList(verifier))
		need(err == nil, "%v", err)
		return opened.Text
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	read := func() (next line) {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		need(decoder.Decode(&next) == nil, "a line is no JSON, or has what nobody proves")
		return next
	}
	need(lines.Scan(), "the file is empty")
	first := read()
	var origin, root, organization, from, to string
	var size, firstSequence, last, events, count uint64
	_, err = fmt.Sscanf(open(first.Checkpoint), "%s\n%d\n%s\n", &origin, &size, &root)
	need(err == nil && origin == verifier.Name(), "the checkpoint is of another log")
	header := fmt.Sprintf("modelroute/audit-export/v1\norigin %s\norganization %%s\nfrom %%s\nto %%s\n"+
		"sequences %%d %%d\nevents %%d\ntree %d %s\n", origin, size, root)
	_, err = fmt.Sscanf(open(first.Header), header, &organization, &from, &to, &firstSequence, &last, &events)
	need(err == nil, "the header is of another checkpoint")
	factory := &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	var nodes [][]byte
	cover := func(to uint64) {
		need(tree.End() <= to && to <= size, "leaf %d is out of order", to)
		for at := tree.End(); at < to; nodes = nodes[1:] {
			level := uint(0)
			for at%(2<<level) == 0 && at+2<<level <= to {
				level++
			}
			need(len(nodes) > 0, "nodes are missing before leaf %d", to)
			next, err := factory.NewRange(at, at+1<<level, [][]byte{nodes[0]})
			need(err == nil && tree.AppendRange(next, nil) == nil, "the nodes do not fit")
			at += 1 << level
		}
		need(len(nodes) == 0, "there are nodes too many before leaf %d", to)
	}
	for lines.Scan() {
		given := read()
		nodes = append(nodes, given.Nodes...)
		if given.Leaf == nil {
			continue
		}
		var leaf struct {
			Organization_id string
			Sequence        uint64
		}
		text, err := jsoncanonicalizer.Transform(given.Leaf)
		need(err == nil && json.Unmarshal(text, &leaf) == nil, "a leaf is no JSON")
		need(leaf.Organization_id == organization, "an event is of another organization")
		need(leaf.Sequence == firstSequence+count, "event %d is missing", firstSequence+count)
		cover(given.Index)
		need(tree.Append(rfc6962.DefaultHasher.HashLeaf(text), nil) == nil, "the leaf does not fit")
		count++
	}
	need(lines.Err() == nil && count == events && (count == 0 || firstSequence+count-1 == last), "events are missing")
	if count > 0 {
		cover(size)
		got, err := tree.GetRootHash(nil)
		need(err == nil && base64.StdEncoding.EncodeToString(got) == strings.TrimSpace(root), "the events are not those of the signed log")
	}
	fmt.Printf("verified: %d events of %s in the log of %d events\n", count, organization, size)
}
