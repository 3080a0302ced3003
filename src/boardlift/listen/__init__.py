"""Webhooks as an accelerator: an HTTP server that marks boards dirty in the ledger, and a loop that syncs them.

Nothing rests on a webhook. One that never comes costs freshness until the next pass over all boards, no data.
"""
