"""``tgworker doctor``: looks at everything a worker stands on, says what is wrong and what to do, and changes nothing.

A room for each thing that is looked at; `finding` has what they find, `examination` puts them together.
"""
