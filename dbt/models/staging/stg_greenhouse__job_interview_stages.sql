{{ greenhouse_v3.stage('job_interview_stages') }}
