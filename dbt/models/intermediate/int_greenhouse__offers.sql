-- All versions of the offers. The current one is the highest version that is not superseded.
with offers as (
    select
        offers.*,
        applications.candidate_id as application_candidate_id,
        case when coalesce(offers.status, '') <> 'Deprecated' then 0 else 1 end as is_superseded,
        case when offers.status = 'Accepted' then 0 else 1 end as is_not_accepted
    from {{ ref('greenhouse_v3', 'stg_greenhouse__offers') }} as offers
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
        on applications.source_relation = offers.source_relation and applications.id = offers.application_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id, is_superseded order by version desc nulls last, id desc
        ) as place,
        row_number() over (
            partition by source_relation, application_id, is_not_accepted order by version desc nulls last, id desc
        ) as accepted_place,
        count(*) over (partition by source_relation, application_id) as count_versions
    from offers
)

select
    source_relation,
    id as offer_id,
    application_id,
    application_candidate_id as candidate_id,
    job_id,
    opening_id,
    version,
    status,
    created_at,
    sent_on,
    resolved_at,
    starts_on,
    count_versions,
    is_superseded = 0 and place = 1 as is_current,
    -- the accepted offer of the application, also if a later version supersedes it
    is_not_accepted = 0 and accepted_place = 1 as is_accepted_offer
    {%- for field in greenhouse_v3.custom_fields('offers') %},
    {{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from ranked
