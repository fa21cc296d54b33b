#!/bin/sh
# breaks: password_policy.credential_files
# caught-by: reading
# what: an access control list lets a user read the hashes; the mode is 0640 as before
set -eu
# What setfacl would store: version 2, then tag, permissions and ID of each entry (acl(5), linux/posix_acl_xattr.h).
python3 - <<'PYTHON'
import os, struct
entries = [(1, 6, 2**32 - 1), (2, 4, 1000), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
os.setxattr("/etc/shadow", "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
PYTHON
