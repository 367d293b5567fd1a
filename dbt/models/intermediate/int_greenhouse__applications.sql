-- One row for each application, without what depends on the job of a row or on interviews.
with applications as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }}
),

-- the rows that stage_id names, but for those whose application is gone
stage_rows as (
    select stages.source_relation, stages.id, stages.job_interview_stage_id
    from {{ ref('greenhouse_v3', 'stg_greenhouse__application_stages') }} as stages
    inner join applications
        on applications.source_relation = stages.source_relation and applications.id = stages.application_id
),

offers as (
    select
        source_relation,
        application_id,
        count(*) as count_offers,
        max(case when is_current then status end) as current_offer_status,
        max(case when is_accepted_offer then resolved_at end) as accepted_at
    from {{ ref('greenhouse_v3', 'int_greenhouse__offers') }}
    group by source_relation, application_id
),

openings as (
    select source_relation, application_id, max(closed_at) as filled_at
    from {{ ref('greenhouse_v3', 'int_greenhouse__openings') }}
    where application_id is not null
    group by source_relation, application_id
),

-- stages that belong to no application have no say in when it began
first_visits as (
    select source_relation, application_id, min(entered_at) as entered_at
    from {{ ref('greenhouse_v3', 'int_greenhouse__visits') }}
    group by source_relation, application_id
),

prospect_details as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id order by updated_at desc nulls last, id desc
        ) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__prospect_details') }}
),

rejections as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id order by rejected_at desc nulls last, id desc
        ) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__rejection_details') }}
),

resumes as (
    select
        source_relation,
        candidate_id,
        url,
        row_number() over (
            partition by source_relation, candidate_id order by created_at desc nulls last, id desc
        ) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__attachments') }}
    where {{ greenhouse_v3.quoted('type') }} = 'resume'
),

notes as (
    select source_relation, candidate_id, count(*) as count_activities
    from {{ ref('greenhouse_v3', 'int_greenhouse__notes') }}
    group by source_relation, candidate_id
),

together as (
    select
        applications.source_relation,
        applications.id as application_id,
        applications.candidate_id,
        applications.job_id,
        applications.job_post_id,
        applications.source_id,
        applications.referrer_id,
        case when applications.status = 'in_process' then 'active' else applications.status end as status,
        coalesce(applications.prospect, false) as is_prospect,
        coalesce(applications.needs_decision, false) as needs_decision,
        least(
            coalesce(applications.created_at, first_visits.entered_at),
            coalesce(first_visits.entered_at, applications.created_at)
        ) as applied_at,
        applications.last_activity_at,
        applications.location_address,
        coalesce(applications.job_interview_stage_id, stage_rows.job_interview_stage_id) as current_stage_id,
        applications.stage_name,
        referrers.user_id as credited_to_user_id,
        coalesce(credited.name, referrers.name) as referrer_name,
        applications.coordinator_id as coordinator_user_id,
        applications.recruiter_id as recruiter_user_id,
        coordinators.name as coordinator_name,
        coordinators.email as coordinator_email,
        recruiters.name as recruiter_name,
        recruiters.email as recruiter_email,
        prospect_details.prospect_owner_id as prospect_owner_user_id,
        prospect_details.pool_id as prospect_pool_id,
        prospect_details.pool_stage_id as prospect_stage_id,
        prospect_owners.name as prospect_owner_name,
        pools.name as prospect_pool,
        pool_stages.name as prospect_stage,
        case when applications.status = 'rejected' then coalesce(applications.rejected_at, rejections.rejected_at) end
            as rejected_at,
        case
            when applications.status = 'rejected'
                then coalesce(applications.rejection_reason_id, rejections.rejection_reason_id)
        end as rejected_reason_id,
        case when applications.status = 'rejected' then rejections.rejected_by_id end as rejected_by_user_id,
        sources.name as sourced_from,
        {{ greenhouse_v3.json_text('sources.' ~ greenhouse_v3.quoted('type'), ['name']) }} as sourced_from_type,
        resumes.url as resume_url,
        {{ greenhouse_v3.count_of('notes.count_activities') }} as count_activities,
        {{ greenhouse_v3.count_of('offers.count_offers') }} as count_offers,
        offers.current_offer_status,
        case when applications.status = 'hired' then coalesce(offers.accepted_at, openings.filled_at) end as hired_at,
        case
            when applications.status = 'hired' and offers.accepted_at is not null then 'offer'
            when applications.status = 'hired' and openings.filled_at is not null then 'opening'
        end as hired_at_from
        {%- for field in greenhouse_v3.custom_fields('applications') %},
        applications.{{ greenhouse_v3.quoted('custom_' ~ field) }}
        {%- endfor %}
    from applications
    left join first_visits
        on first_visits.source_relation = applications.source_relation
        and first_visits.application_id = applications.id
    left join stage_rows
        on stage_rows.source_relation = applications.source_relation and stage_rows.id = applications.stage_id
    left join {{ ref('greenhouse_v3', 'stg_greenhouse__referrers') }} as referrers
        on referrers.source_relation = applications.source_relation and referrers.id = applications.referrer_id
    left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as credited
        on credited.source_relation = referrers.source_relation and credited.user_id = referrers.user_id
    left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as coordinators
        on coordinators.source_relation = applications.source_relation
        and coordinators.user_id = applications.coordinator_id
    left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as recruiters
        on recruiters.source_relation = applications.source_relation
        and recruiters.user_id = applications.recruiter_id
    left join prospect_details
        on prospect_details.source_relation = applications.source_relation
        and prospect_details.application_id = applications.id
        and {{ greenhouse_v3.is_first('prospect_details.place') }}
    left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as prospect_owners
        on prospect_owners.source_relation = prospect_details.source_relation
        and prospect_owners.user_id = prospect_details.prospect_owner_id
    left join {{ ref('greenhouse_v3', 'stg_greenhouse__prospect_pools') }} as pools
        on pools.source_relation = prospect_details.source_relation and pools.id = prospect_details.pool_id
    left join {{ ref('greenhouse_v3', 'stg_greenhouse__prospect_pool_stages') }} as pool_stages
        on pool_stages.source_relation = prospect_details.source_relation
        and pool_stages.id = prospect_details.pool_stage_id
    left join rejections
        on rejections.source_relation = applications.source_relation
        and rejections.application_id = applications.id
        and {{ greenhouse_v3.is_first('rejections.place') }}
    left join {{ ref('greenhouse_v3', 'stg_greenhouse__sources') }} as sources
        on sources.source_relation = applications.source_relation and sources.id = applications.source_id
    left join resumes
        on resumes.source_relation = applications.source_relation
        and resumes.candidate_id = applications.candidate_id
        and {{ greenhouse_v3.is_first('resumes.place') }}
    left join notes
        on notes.source_relation = applications.source_relation and notes.candidate_id = applications.candidate_id
    left join offers
        on offers.source_relation = applications.source_relation and offers.application_id = applications.id
    left join openings
        on openings.source_relation = applications.source_relation and openings.application_id = applications.id
)

select
    together.*,
    coalesce(stages.stage_name, together.stage_name) as current_job_stage,
    reasons.name as rejection_reason,
    {{ greenhouse_v3.json_text('reasons.' ~ greenhouse_v3.quoted('type'), ['name']) }} as rejection_reason_type,
    rejecters.name as rejected_by_name,
    case together.status when 'hired' then hired_at when 'rejected' then rejected_at end as ended_at,
    {{ greenhouse_v3.days_from_to('applied_at', 'hired_at') }} as days_to_hire,
    {{ greenhouse_v3.days_from_to('applied_at', 'rejected_at') }} as days_to_reject,
    case
        when together.candidate_id is not null then
            row_number() over (
                partition by together.source_relation, together.candidate_id
                order by applied_at, together.application_id
            )
    end as candidate_application_number,
    coalesce(
        together.candidate_id is not null
        and hired_at > min(hired_at) over (partition by together.source_relation, together.candidate_id),
        false
    ) as is_rehire,
    candidates.full_name,
    candidates.current_company,
    candidates.current_title,
    coalesce(candidates.is_private, false) as is_private,
    candidates.candidate_created_at,
    candidates.last_updated_at,
    coalesce(candidates.is_candidate_anonymized, false) as is_candidate_anonymized,
    candidates.phone,
    candidates.email,
    candidates.linkedin_url,
    candidates.github_url,
    tags.candidate_tags,
    {%- for field in greenhouse_v3.custom_fields('candidates') %}
    candidates.{{ greenhouse_v3.quoted('candidate_custom_' ~ field) }},
    {%- endfor %}
    eeoc.gender as candidate_gender,
    eeoc.race as candidate_race,
    eeoc.veteran_status as candidate_veteran_status,
    eeoc.disability_status as candidate_disability_status
from together
left join {{ ref('greenhouse_v3', 'int_greenhouse__stages') }} as stages
    on stages.source_relation = together.source_relation and stages.job_stage_id = together.current_stage_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__rejection_reasons') }} as reasons
    on reasons.source_relation = together.source_relation and reasons.id = together.rejected_reason_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as rejecters
    on rejecters.source_relation = together.source_relation and rejecters.user_id = together.rejected_by_user_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__candidates') }} as candidates
    on candidates.source_relation = together.source_relation and candidates.candidate_id = together.candidate_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__candidate_tags') }} as tags
    on tags.source_relation = together.source_relation and tags.candidate_id = together.candidate_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__eeoc') }} as eeoc
    on eeoc.source_relation = together.source_relation and eeoc.application_id = together.application_id
