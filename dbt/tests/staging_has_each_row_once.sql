-- Append-only tables hold all versions of a row, and some loaders keep deleted ones.
{% for stream in greenhouse_v3.streams() %}
select '{{ stream }}' as stream, source_relation, id
from {{ ref('greenhouse_v3', 'stg_greenhouse__' ~ stream) }}
group by source_relation, id
having count(*) > 1
{{ 'union all' if not loop.last }}
{% endfor %}
