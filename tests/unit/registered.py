"""The register of exceptions, for tests."""

PERMITTED: dict[str, object] = {
    "controls": ["account_lockout.threshold"],
    "hosts": "web",
    "reason": "An old scanner",
    "applicant": "unit",
    "applied_on": "2026-11-01",
    "state": "permitted",
    "decided_by": "chief",
    "decided_on": "2026-11-05",
    "expires_on": "2027-03-31",
}
