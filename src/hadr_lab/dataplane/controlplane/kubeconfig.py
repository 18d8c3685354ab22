"""Kubeconfig files as text. One cluster, one user, one context: nothing that has to be chosen."""

from __future__ import annotations

import base64

import yaml


def kubeconfig(*, server: str, ca: str, token: str, name: str) -> str:
    """A kubeconfig for `server` (a URL) that trusts `ca` (PEM) and signs in with `token`."""
    authority = base64.b64encode(ca.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)


def webhook_config(url: str) -> str:
    """A kubeconfig-shaped file that names an authentication webhook."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "webhook", "cluster": {"server": url}}],
        "users": [{"name": "api-server"}],
        "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api-server"}}],
        "current-context": "webhook",
    }
    return yaml.safe_dump(document, sort_keys=False)
