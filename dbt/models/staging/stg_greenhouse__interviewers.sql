{{ greenhouse_v3.stage('interviewers') }}
