// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/kind"
)

// Find finds every static-call site of a relocatable object, its keys, what
// they initially hold, and its site table. It changes nothing. An error means
// that scpatch must not touch the object, and says where the problem is.
func Find(f *elfrw.File) (*Object, error) {
	o, err := newObject(f)
	if err != nil {
		return nil, err
	}
	// From here on, the symbol of every relocation is known to exist.
	if err := f.CheckReferences(); err != nil {
		return nil, err
	}
	o.findNames()
	o.addAliases()
	for _, step := range []struct {
		find func() error
		kind kind.Kind // of its errors
	}{
		{o.pair, kind.BadCall},
		{o.findTrampKeys, kind.BadTable},
		{o.findStubKeys, kind.BadStub},
		{o.findCalls, kind.BadCall},
		{o.findDecoded, kind.BadCall},
		{o.findTable, kind.BadTable},
		{o.findUserTable, kind.BadTable},
		{o.findSlots, kind.BadCall},
		{o.findKeys, kind.BadKey},
	} {
		if err := step.find(); err != nil {
			return nil, step.kind.Wrap(err)
		}
	}
	o.findFunctions()
	o.findNoTOC()
	for i := range o.Sites {
		o.Keys[o.Sites[i].Key].Sites++
	}
	return o, nil
}
