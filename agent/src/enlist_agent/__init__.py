"""The device's side of Enlist: enroll with a link, token or code, then know how one stands.

`enrollment.Enroll` and `standing.status` are the two things it does; `cli.main` wraps them for a
shell. The device makes its own key pair, which never leaves its state directory (`state`).
"""
