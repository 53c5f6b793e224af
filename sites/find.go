// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
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
		kind errkind.Kind // of its errors
	}{
		{o.pair, errkind.BadCall},
		{o.findTrampKeys, errkind.BadTable},
		{o.findStubKeys, errkind.BadStub},
		{o.findUserCells, errkind.BadTable},
		{o.findCalls, errkind.BadCall},
		{o.findDecoded, errkind.BadCall},
		{o.findTable, errkind.BadTable},
		{o.findUserTable, errkind.BadTable},
		{o.findSlots, errkind.BadCall},
		{o.findKeys, errkind.BadKey},
	} {
		if err := step.find(); err != nil {
			return nil, step.kind.Wrap(err)
		}
	}
	o.findFunctions()
	o.findNoTOC()
	for i := range o.Sites {
		o.Sites[i].number = int32(i)
		o.Keys[o.Sites[i].Key].Sites++
	}
	return o, nil
}
