// SPDX-License-Identifier: BSD-3-Clause

package sites_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
)

const object = "../testdata/obj/gcc-p8-O2-update.o"

// List the sites of an object, and what would become of them in user space.
func Example_listSites() {
	f, err := elfrw.Open(object)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	o, err := sites.Find(f)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := sites.MakePlan(o, sites.Options{Place: sites.User})
	if err != nil {
		log.Fatal(err)
	}
	for i := range o.Sites {
		site, decision := &o.Sites[i], &plan.Decisions[i]
		function, off := o.FuncName(site)
		key := o.Keys[site.Key]
		fmt.Printf("%s+0x%x calls %s (%v): %v, %s\n", function, off, key.Name, key.Target.Kind, decision.Form, decision.Proof())
	}
	// Output:
	// u_call+0x20 calls u_op (function): save-stub, the stub saves r2
	// u_call+0x30 calls u_hook (NULL): stack, r2 is saved at +0x20
	// u_call+0x40 calls u_zero (return 0): stack, r2 is saved at +0x20
	// u_call_fixed+0x18 calls u_fixed (function): save-stub, the stub saves r2
}

// Patch a file as the command scpatch does: write the whole output, read it
// again, check it, and rename it.
func Example_patchFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	patched := filepath.Join(dir, "patched.o")

	f, err := elfrw.Open(object)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	// If another process truncates the file meanwhile, that is an error and not
	// a crash.
	err = f.Guard(func() error {
		o, err := sites.Find(f)
		if err != nil {
			return err
		}
		plan, err := sites.MakePlan(o, sites.Options{Place: sites.User})
		if err != nil {
			return err
		}
		edit, err := plan.Apply()
		if err != nil {
			return err
		}
		image, err := edit.Layout()
		if err != nil {
			return err
		}
		temp, err := image.WriteTemp(patched, f.Info(), plan.Check)
		if err != nil {
			return err
		}
		return temp.Commit()
	})
	if err != nil {
		log.Fatal(err)
	}
	// A second run finds nothing to do.
	out, err := elfrw.Open(patched)
	if err != nil {
		log.Fatal(err)
	}
	defer out.Close()
	o, err := sites.Find(out)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := sites.MakePlan(o, sites.Options{Place: sites.User})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(o.Sites), "sites, something to do:", plan.Changes())
	// Output:
	// 4 sites, something to do: false
}
