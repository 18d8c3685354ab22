"""peccy's app tier: hobbies in a database, a picture in a shared file store, and honest answers about both.

Importing this package starts nothing: no event loop, thread, socket or file. A process may import it once and fork one process
for each pod; everything that belongs to one process is made in `app.main.main`.
"""

VERSION = "1.0.0"
