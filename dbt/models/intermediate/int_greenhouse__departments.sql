-- The path of a department has at most ten levels, which also ends circles.
{% set levels = range(1, 10) %}
with paths as (
    select
        d0.source_relation,
        d0.id as department_id,
        nullif(d0.name, '') as name,
        nullif(d1.name, '') as parent_name,
        {% for level in levels | reverse -%}
        coalesce(nullif(d{{ level }}.name, '') || ' > ', '') ||
        {% endfor -%}
        coalesce(nullif(d0.name, '') || ' > ', '') as path
    from {{ ref('greenhouse_v3', 'stg_greenhouse__departments') }} as d0
    {%- for level in levels %}
    left join {{ ref('greenhouse_v3', 'stg_greenhouse__departments') }} as d{{ level }}
        on d{{ level }}.source_relation = d{{ level - 1 }}.source_relation
        and d{{ level }}.id = d{{ level - 1 }}.parent_id
    {%- endfor %}
)

select
    source_relation,
    department_id,
    name,
    parent_name,
    case when path <> '' then substr(path, 1, length(path) - 3) end as path
from paths
