with applications as (
    select * from {{ ref('greenhouse_v3', 'int_greenhouse__applications') }}
),

-- the jobs that an application is considered for; from staging, so that the rest is computed once
loaded as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }}
),

prospects as (
    select source_relation, id, prospective_job_ids
    from loaded
    where prospect
),

prospective as (
    {{ greenhouse_v3.elements('prospects', 'prospective_job_ids') }}
),

considered as (
    select distinct source_relation, application_id, job_id
    from (
        select
            source_relation,
            id as application_id,
            cast({{ greenhouse_v3.json_value('element') }} as {{ dbt.type_bigint() }}) as job_id
        from prospective
        union all
        select source_relation, id as application_id, job_id
        from loaded
    ) as jobs
    where job_id is not null
),

applications_and_jobs as (
    select
        applications.*,
        considered.job_id as row_job_id,
        row_number() over (
            partition by applications.source_relation, applications.application_id
            order by case when considered.job_id = applications.job_id then 0 else 1 end, considered.job_id
        ) = 1 as is_main_row
    from applications
    left join considered
        on considered.source_relation = applications.source_relation
        and considered.application_id = applications.application_id
),

interviews as (
    select
        source_relation,
        application_id,
        {{ greenhouse_v3.any_of('interviewer_is_hiring_manager') }} as has_interviewed_w_hiring_manager,
        count(distinct scheduled_interview_id) as count_interviews,
        count(distinct scorecard_id) as count_interview_scorecards,
        count(distinct interviewer_user_id) as count_distinct_interviewers,
        min(start_at) as first_interview_at,
        max(start_at) as latest_interview_scheduled_at
    from {{ ref('greenhouse_v3', 'int_greenhouse__interviews') }}
    group by source_relation, application_id
),

-- the furthest active stage that an application entered in each plan
furthest as (
    select
        source_relation,
        application_id,
        stage_job_id as job_id,
        job_stage_id,
        stage_name,
        active_stages_before,
        row_number() over (
            partition by source_relation, application_id, stage_job_id order by plan_position desc
        ) as place
    from {{ ref('greenhouse_v3', 'int_greenhouse__visits') }}
    where is_stage_active
),

plans as (
    select source_relation, job_id, max(active_stages) as active_stages
    from {{ ref('greenhouse_v3', 'int_greenhouse__stages') }}
    group by source_relation, job_id
)

select
    a.source_relation,
    {{ greenhouse_v3.key_of(['a.source_relation', 'a.application_id', 'a.row_job_id']) }} as application_job_key,
    a.application_id,
    a.candidate_id,
    a.row_job_id as job_id,
    a.is_main_row,
    a.is_prospect,
    a.status,
    a.needs_decision,
    a.applied_at,
    a.last_activity_at,
    {{ greenhouse_v3.personal('candidates', 'a.location_address') }} as location_address,
    a.job_post_id,
    a.current_stage_id,
    a.current_job_stage,
    a.referrer_id,
    a.credited_to_user_id,
    {{ greenhouse_v3.personal('employees', 'a.referrer_name') }} as referrer_name,
    a.coordinator_user_id,
    {{ greenhouse_v3.personal('employees', 'a.coordinator_name') }} as coordinator_name,
    {{ greenhouse_v3.personal('employees', 'a.coordinator_email') }} as coordinator_email,
    a.recruiter_user_id,
    {{ greenhouse_v3.personal('employees', 'a.recruiter_name') }} as recruiter_name,
    {{ greenhouse_v3.personal('employees', 'a.recruiter_email') }} as recruiter_email,
    a.prospect_owner_user_id,
    {{ greenhouse_v3.personal('employees', 'a.prospect_owner_name') }} as prospect_owner_name,
    a.prospect_pool_id,
    a.prospect_pool,
    a.prospect_stage_id,
    a.prospect_stage,
    a.rejected_at,
    a.rejected_reason_id,
    a.rejection_reason,
    a.rejection_reason_type,
    a.rejected_by_user_id,
    {{ greenhouse_v3.personal('employees', 'a.rejected_by_name') }} as rejected_by_name,
    a.source_id,
    a.sourced_from,
    a.sourced_from_type,
    {{ greenhouse_v3.personal('candidates', 'a.full_name') }} as full_name,
    {{ greenhouse_v3.personal('candidates', 'a.current_company') }} as current_company,
    {{ greenhouse_v3.personal('candidates', 'a.current_title') }} as current_title,
    a.is_private,
    a.candidate_created_at,
    a.last_updated_at,
    a.is_candidate_anonymized,
    {{ greenhouse_v3.personal('candidates', 'a.phone') }} as phone,
    {{ greenhouse_v3.personal('candidates', 'a.email') }} as email,
    {{ greenhouse_v3.personal('candidates', 'a.linkedin_url') }} as linkedin_url,
    {{ greenhouse_v3.personal('candidates', 'a.github_url') }} as github_url,
    {{ greenhouse_v3.personal('links', 'a.resume_url') }} as resume_url,
    {{ greenhouse_v3.personal('free_text', 'a.candidate_tags') }} as candidate_tags,
    a.count_activities,
    jobs.job_title,
    jobs.status as job_status,
    jobs.requisition_id as job_requisition_id,
    {{ greenhouse_v3.personal('employees', 'jobs.hiring_managers') }} as hiring_managers,
    {{ greenhouse_v3.personal('employees', 'jobs.sourcers') }} as job_sourcers,
    jobs.offices as job_offices,
    jobs.departments as job_departments,
    jobs.parent_departments as job_parent_departments,
    {{ greenhouse_v3.personal('demographics', 'a.candidate_gender') }} as candidate_gender,
    {{ greenhouse_v3.personal('demographics', 'a.candidate_disability_status') }} as candidate_disability_status,
    {{ greenhouse_v3.personal('demographics', 'a.candidate_race') }} as candidate_race,
    {{ greenhouse_v3.personal('demographics', 'a.candidate_veteran_status') }} as candidate_veteran_status,
    coalesce(interviews.has_interviewed_w_hiring_manager, false) as has_interviewed_w_hiring_manager,
    {{ greenhouse_v3.count_of('interviews.count_interviews') }} as count_interviews,
    {{ greenhouse_v3.count_of('interviews.count_interview_scorecards') }} as count_interview_scorecards,
    {{ greenhouse_v3.count_of('interviews.count_distinct_interviewers') }} as count_distinct_interviewers,
    interviews.first_interview_at,
    interviews.latest_interview_scheduled_at,
    a.hired_at,
    a.hired_at_from,
    a.ended_at,
    a.days_to_hire,
    a.days_to_reject,
    furthest.job_stage_id as furthest_stage_id,
    furthest.stage_name as furthest_stage,
    case
        when a.is_prospect or coalesce(plans.active_stages, 0) = 0 then null
        when a.status = 'hired' then cast(1 as {{ greenhouse_v3.type_decimal() }})
        else {{ greenhouse_v3.rate('coalesce(furthest.active_stages_before, 0)', 'plans.active_stages') }}
    end as pipeline_share,
    a.count_offers,
    a.current_offer_status,
    a.candidate_application_number,
    a.is_rehire
    {%- for field in greenhouse_v3.custom_fields('applications') %},
    a.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
    {%- for field in greenhouse_v3.custom_fields('candidates') %},
    a.{{ greenhouse_v3.quoted('candidate_custom_' ~ field) }}
    {%- endfor %}
from applications_and_jobs as a
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = a.source_relation and jobs.job_id = a.row_job_id
left join interviews
    on interviews.source_relation = a.source_relation and interviews.application_id = a.application_id
left join furthest
    on furthest.source_relation = a.source_relation
    and furthest.application_id = a.application_id
    and furthest.job_id = a.row_job_id
    and {{ greenhouse_v3.is_first('furthest.place') }}
left join plans on plans.source_relation = a.source_relation and plans.job_id = a.row_job_id
