-- The newest answers of each application.
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
where {{ greenhouse_v3.is_first('place') }} and application_id is not null
