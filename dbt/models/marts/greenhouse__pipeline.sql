{% set now = greenhouse_v3.as_of() %}
{% set least_visits, least_applications = 5, 10 %}
with applications as (
    select *
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
    where status = 'active' and not is_prospect and is_main_row
),

visits as (
    select *, nullif(lower(trim(new_stage)), '') as stage_label
    from {{ ref('greenhouse_v3', 'greenhouse__application_history') }}
),

entered as (
    select
        source_relation,
        application_id,
        new_stage_id,
        valid_from,
        row_number() over (
            partition by source_relation, application_id, new_stage_id order by visit_number desc
        ) as place
    from visits
),

{% for group, column in [('stages', 'new_stage_id'), ('labels', 'stage_label')] %}
days_of_{{ group }} as (
    select source_relation, {{ column }}, {{ greenhouse_v3.median_of('days_in_stage') }} as typical_days
    from visits
    where not is_current and {{ column }} is not null
    group by source_relation, {{ column }}
    having count(days_in_stage) >= {{ least_visits }}
),

outcomes_of_{{ group }} as (
    select
        source_relation,
        {{ column }},
        {{ greenhouse_v3.rate(
            "count(distinct case when current_status = 'hired' then application_id end)", 'count(distinct application_id)'
        ) }} as share_hired
    from visits
    where current_status in ('hired', 'rejected') and {{ column }} is not null
    group by source_relation, {{ column }}
    having count(distinct application_id) >= {{ least_applications }}
),
{% endfor %}

next_interviews as (
    select source_relation, application_id, min(start_at) as next_interview_at
    from {{ ref('greenhouse_v3', 'greenhouse__interview_enhanced') }}
    where start_at > {{ now }}
    group by source_relation, application_id
),

pending_offers as (
    select distinct source_relation, application_id
    from {{ ref('greenhouse_v3', 'greenhouse__offer_enhanced') }}
    where is_pending
),

measured as (
    select
        applications.*,
        entered.valid_from as stage_entered_at,
        {{ greenhouse_v3.days_from_to('entered.valid_from', now) }} as days_in_stage,
        nullif(lower(trim(applications.current_job_stage)), '') as stage_label
    from applications
    left join entered
        on entered.source_relation = applications.source_relation
        and entered.application_id = applications.application_id
        and entered.new_stage_id = applications.current_stage_id
        and {{ greenhouse_v3.is_first('entered.place') }}
)

select
    measured.source_relation,
    {{ greenhouse_v3.key_of(['measured.source_relation', 'measured.application_id']) }} as pipeline_key,
    measured.application_id,
    measured.candidate_id,
    measured.full_name,
    measured.job_id,
    measured.job_title,
    measured.recruiter_name,
    measured.sourced_from,
    measured.applied_at,
    measured.last_activity_at,
    measured.needs_decision,
    measured.current_stage_id,
    measured.current_job_stage,
    measured.stage_entered_at,
    measured.days_in_stage,
    {{ greenhouse_v3.days_from_to('measured.applied_at', now) }} as days_since_applied,
    {{ greenhouse_v3.days_from_to('measured.last_activity_at', now) }} as days_since_activity,
    cast(coalesce(days_of_stages.typical_days, days_of_labels.typical_days) as {{ greenhouse_v3.type_decimal() }})
        as typical_days_in_stage,
    coalesce(measured.days_in_stage > {{ var('greenhouse_stuck_days') }}, false) as is_stuck,
    coalesce(outcomes_of_stages.share_hired, outcomes_of_labels.share_hired) as hire_probability,
    case
        when outcomes_of_stages.share_hired is not null then 'job_stage'
        when outcomes_of_labels.share_hired is not null then 'stage_name'
    end as hire_probability_basis,
    pending_offers.application_id is not null as has_pending_offer,
    next_interviews.next_interview_at
from measured
{%- for group, column, own in [('stages', 'new_stage_id', 'current_stage_id'), ('labels', 'stage_label', 'stage_label')] %}
left join days_of_{{ group }}
    on days_of_{{ group }}.source_relation = measured.source_relation
    and days_of_{{ group }}.{{ column }} = measured.{{ own }}
left join outcomes_of_{{ group }}
    on outcomes_of_{{ group }}.source_relation = measured.source_relation
    and outcomes_of_{{ group }}.{{ column }} = measured.{{ own }}
{%- endfor %}
left join next_interviews
    on next_interviews.source_relation = measured.source_relation
    and next_interviews.application_id = measured.application_id
left join pending_offers
    on pending_offers.source_relation = measured.source_relation
    and pending_offers.application_id = measured.application_id
