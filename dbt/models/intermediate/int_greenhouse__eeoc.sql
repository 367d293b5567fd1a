-- The newest answers of each application. PostgreSQL takes `place = 1` for one row in two hundred,
-- and joins by loops over all rows; `place <= 1` says the same, and so do other models.
with answers as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id order by submitted_at desc nulls last, id desc
        ) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__eeoc') }}
)

select
    source_relation,
    application_id
    {%- for answer in ['gender', 'race', 'veteran_status', 'disability_status'] %},
    {{ greenhouse_v3.json_text(answer, ['description']) }} as {{ answer }}
    {%- endfor %}
from answers
where place <= 1 and application_id is not null
