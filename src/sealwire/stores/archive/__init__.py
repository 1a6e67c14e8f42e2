"""The index: records in ClickHouse's columns, to be searched; rebuilt from segments at any time.

One SQL text for two engines (``engine``, ``clickhouse``). ``index`` is the whole of it for its
users; ``schema`` has the tables, ``frame`` brings records into their form, ``conditions`` and
``questions`` write the SQL for what is asked, ``answers`` read what comes back.

Import nothing of this where memory counts: pyarrow and the engine come with it.
"""
