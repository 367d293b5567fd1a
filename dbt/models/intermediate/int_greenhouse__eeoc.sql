-- The newest answers of each application that is there.
with answers as (
    select
        eeoc.*,
        row_number() over (
            partition by eeoc.source_relation, eeoc.application_id
            order by eeoc.submitted_at desc nulls last, eeoc.id desc
        ) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__eeoc') }} as eeoc
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
        on applications.source_relation = eeoc.source_relation and applications.id = eeoc.application_id
)

select
    source_relation,
    application_id
    {%- for answer in ['gender', 'race', 'veteran_status', 'disability_status'] %},
    {{ greenhouse_v3.json_text(answer, ['description']) }} as {{ answer }}
    {%- endfor %}
from answers
where place = 1
